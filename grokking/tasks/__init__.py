"""What is asked: questions, answers, splits."""
