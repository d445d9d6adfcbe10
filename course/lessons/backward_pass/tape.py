import numpy as np


class Var:
    """A value that remembers how it was made, and later what the loss feels when it moves.

    ``parents`` holds pairs (parent, pull): ``pull`` turns the gradient at this value into the
    parent's share of it.
    """

    def __init__(self, value, parents=()):
        self.value = np.asarray(value, dtype=float)
        self.parents = parents
        self.grad = np.zeros_like(self.value)

    def __add__(self, other):
        return Var(self.value + other.value, ((self, lambda g: g), (other, lambda g: g)))

    def __sub__(self, other):
        return Var(self.value - other.value, ((self, lambda g: g), (other, lambda g: -g)))

    def __mul__(self, other):
        return Var(
            self.value * other.value,
            ((self, lambda g: g * other.value), (other, lambda g: g * self.value)),
        )

    def backward(self):
        """Fill ``grad`` of everything this value was made from."""
        self.grad = np.ones_like(self.value)  # a value moves with itself at slope 1
        for node in reversed(in_order(self)):
            for parent, pull in node.parents:
                parent.grad = parent.grad + pull(node.grad)  # paths add


def in_order(last):
    """Every value that ``last`` was made from, each after its parents."""
    order, seen = [], set()

    def visit(node):
        if id(node) not in seen:
            seen.add(id(node))
            for parent, _ in node.parents:
                visit(parent)
            order.append(node)

    visit(last)
    return order


def dense(x, kernel, bias):
    return Var(
        x.value @ kernel.value + bias.value,
        (
            (x, lambda g: g @ kernel.value.T),
            (kernel, lambda g: x.value.T @ g),
            (bias, lambda g: g.sum(axis=0)),
        ),
    )


def tanh(x):
    y = np.tanh(x.value)
    return Var(y, ((x, lambda g: g * (1 - y**2)),))


def sigmoid(x):
    y = 1 / (1 + np.exp(-x.value))
    return Var(y, ((x, lambda g: g * y * (1 - y)),))


def mean(x):
    return Var(x.value.mean(), ((x, lambda g: np.full_like(x.value, g / x.value.size)),))
