"""Whether devices can divide a batch; plain Python, for settings."""

from keras_cdae.errors import DeviceError


def require_divisible(batch_size: int, devices: int) -> None:
    """Raise an error if the devices do not divide a batch.

    Args:
        batch_size: clips in a batch, over all devices.
        devices: how many.

    Raises:
        DeviceError: if the parts would differ in size.
    """
    if batch_size % devices:
        less = batch_size - batch_size % devices
        near = f"{less} or {less + devices}" if less else str(devices)
        raise DeviceError(
            f"{devices} devices do not divide a batch of {batch_size} clips: "
            f"choose a batch_size that is a multiple, such as {near}."
        )
