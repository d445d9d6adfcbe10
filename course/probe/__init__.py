"""The vital signs of a Keras model: while it trains, or on one batch.

    with Probe(model, every=10) as vitals:      examine(model, x, y, loss)
        model.fit(x, y)

Signs by layer. h is the output of the layer for a whole batch, after its activation. δ = ∂loss/∂h has the
same shape. The loss is the one that `fit` minimizes, a mean over the batch, so δ shrinks with the batch size.
"Healthy" is what 16 sound networks showed; a value outside is a reason to look, not a verdict.

| sign                    | meaning                                                   | healthy          |
|-------------------------|-----------------------------------------------------------|------------------|
| mean, signal            | mean and standard deviation of h [1, 2]                   | signal 0.25…3.4  |
| zeros                   | share of h that is exactly 0                              | ReLU 0.41…0.56   |
| saturation              | share of h where tanh or sigmoid has < 5 % of its slope   | under 0.07       |
| cosine                  | mean cosine between the h of two samples; 1 is a collapse | well under 1     |
| error                   | standard deviation of δ [1, 2]                            | level by layer   |
| signal_norm, error_norm | ‖h‖, ‖δ‖                                                  |                  |
| signal_factor           | growth of signal per hidden layer, going up               | about 1          |
| error_factor            | growth of error per hidden layer, going down              | about 1          |

Signs by weight.

| sign                    | meaning                                                   | healthy          |
|-------------------------|-----------------------------------------------------------|------------------|
| gradient_norm           | ‖∂loss/∂w‖, before clipping                               |                  |
| gradient_rms            | ‖∂loss/∂w‖ / √(number of elements of w)                   |                  |
| update_ratio            | ‖change of w in a step‖ / ‖w‖                             | 10^-3.7…10^-2.8  |

Signs by unit: of a Dense layer, or a channel of a convolution.

| sign                    | meaning                                                   |
|-------------------------|-----------------------------------------------------------|
| unit_moving_error       | moving mean of |δ| over about 20 measured steps           |
| unit_consistency        | |moving mean of δ| / moving mean of |δ|; 1: one sign only |
| unit_silent_since       | from which step on it was 0 for every sample [3]          |

‖∂loss/∂w‖ is about ‖h below‖ · ‖δ‖. A signal that shrinks going up and an error that shrinks going down leave
it level [1], so look at the two apart.

δ is what arrives at a layer's output. A dead or saturated unit receives it too, and can't pass it on. Where
Keras computes the loss from the logits of a softmax or sigmoid, δ is that of the logits. Where no gradient
arrives, as below the lowest weight, δ is NaN. Layers that only move numbers (Flatten, Reshape, ...) are not
listed.

All numbers of a batch enter, summed in float32 while training and in float64 by `examine`: in float32 a
standard deviation or norm under about 1e-19 reads as 0. Memory is bounded; `Vitals` says how.

[1] Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks.
[2] He et al. 2015, Delving deep into rectifiers.
[3] Maas et al. 2013, Rectifier nonlinearities improve neural network acoustic models.
"""

from course.probe.examine import examine
from course.probe.probe import Probe
from course.probe.record import NonFinite
from course.probe.sites import CannotProbe
from course.probe.vitals import Vitals

__all__ = ["CannotProbe", "NonFinite", "Probe", "Vitals", "examine"]
