"""One file per dialect: bytes in, samples or a refusal out."""
