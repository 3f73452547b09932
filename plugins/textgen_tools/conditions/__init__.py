"""`textgen labels`: what labels of documents, such as their authors, are worth, and texts by label."""
