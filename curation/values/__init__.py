"""What is harmful in a text: policies, word lists with their contexts, classifiers, and the judge over them."""
