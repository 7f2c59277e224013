"""GitHub, or a GitHub Enterprise server: what it says about repositories, asked politely and never paid for twice."""
