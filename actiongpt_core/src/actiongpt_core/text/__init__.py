"""From the user's phrase to text features: actions, descriptions, encoders, aggregators."""
