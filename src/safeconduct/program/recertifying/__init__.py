"""Recertification: access is kept by somebody who says why, or it is removed when the time to say so is over."""
