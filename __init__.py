"""serbench: speech emotion recognition, evaluated under named protocols."""
