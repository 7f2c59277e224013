"""GitHub, or a GitHub Enterprise server: facts about repositories, within its rate limits, no request spent twice."""
