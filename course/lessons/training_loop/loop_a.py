import numpy as np


def p_minus_y(logits, labels):
    """What the error at the logits is, sample by sample. There is no bug in here."""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True) - np.eye(logits.shape[1])[labels]


def loop_a(x, labels, orders, batch_size, lr, kernel, bias):
    """One dense layer with softmax, trained on mini-batches; the loss is the batch's mean.

    x: (samples, inputs), labels: (samples,), kernel: (inputs, classes), bias: (classes,)
    orders: (epochs, samples), the order in which each epoch takes the samples
    Returns kernel and bias after all epochs.
    """
    dkernel, dbias = np.zeros(kernel.shape), np.zeros(bias.shape)
    for order in orders:
        x_epoch = x[order]
        for first in range(0, len(x), batch_size):
            x_batch = x_epoch[first:first + batch_size]
            labels_batch = labels[first:first + batch_size]
            error = p_minus_y(x_batch @ kernel + bias, labels_batch)
            dkernel += x_batch.T @ error / batch_size
            dbias += error.sum(axis=0) / batch_size
            kernel = kernel - lr * dkernel
            bias = bias - lr * dbias
    return kernel, bias
