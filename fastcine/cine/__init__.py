"""The heart: tiers, wire pieces, the stream session and its pacing. Sans-I/O."""
