"""Operations side by side: variables become neighbours in packs, and one call serves them all."""
