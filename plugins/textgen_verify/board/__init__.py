"""A leaderboard in a folder, with a submission in each `TEXT/BUDGET/CLASS/NAME/`."""
