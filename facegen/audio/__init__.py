"""Sound as the networks hear it: decoding to 16 kHz, features, voice activity."""
