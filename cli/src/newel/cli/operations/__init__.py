"""What the commands do: plain values in, plain values out."""
