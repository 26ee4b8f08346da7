"""The reference builder of the six algorithms' candidate lists."""
