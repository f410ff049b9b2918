"""How far what a model says about incidents may go, and what people's reviews of it say."""
