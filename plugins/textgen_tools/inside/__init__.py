"""`textgen look`: what entries learn, when, and what they remember."""
