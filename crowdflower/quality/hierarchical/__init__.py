"""A hierarchical model of Dawid and Skene: safe with few votes, and good with many.

.. code-block:: text

    method            the function that users call
    model             the problem, what is assumed of workers, and the fitted model
    list_fit          fits the model with plain lists
    array_fit         fits it with NumPy, with the same result
    array_state         what changes from pass to pass
    confusion_tables    few labels: a confusion matrix for each worker
    label_slots         many labels: only the labels given for a task count
    array_consensus   the result of a model that was fitted with NumPy
    intervals         intervals of probabilities, on demand
"""

from crowdflower.quality.hierarchical.method import hierarchical_dawid_skene
from crowdflower.quality.hierarchical.model import Priors

__all__ = ["Priors", "hierarchical_dawid_skene"]
