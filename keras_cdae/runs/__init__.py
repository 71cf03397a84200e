"""A run: training into a folder, and evaluating what lies there."""

from keras_cdae.runs.evaluate import Evaluation, evaluate
from keras_cdae.runs.load import load
from keras_cdae.runs.settings import RunSettings
from keras_cdae.runs.train import train

__all__ = ["Evaluation", "RunSettings", "evaluate", "load", "train"]
