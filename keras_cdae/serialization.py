"""One decorator that makes a class loadable from a `.keras` file."""

import keras

register = keras.saving.register_keras_serializable(package="keras_cdae")
"""Class decorator: public implies loadable, also with `safe_mode=True`."""
