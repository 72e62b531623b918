"""Which packets a frame needs to be decoded. Pure: no I/O."""
