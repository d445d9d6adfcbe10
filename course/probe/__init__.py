from course.probe.examine import examine
from course.probe.probe import Probe
from course.probe.sites import CannotProbe
from course.probe.vitals import Vitals
