"""`python -m keras_cdae.export FOLDER`: a conversion in its own process.

Started by `convert` where Keras runs on another backend than tensorflow.
"""

import sys
from pathlib import Path

from keras_cdae.export.convert import run_job

if __name__ == "__main__":
    run_job(Path(sys.argv[1]))
