"""Network definitions: autoencoder, guidance encoders, denoising UNet."""
