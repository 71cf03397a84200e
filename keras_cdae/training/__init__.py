"""The machinery of `CDAE.fit`: schedule, optimizer, losses, stages."""
