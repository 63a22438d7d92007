"""The contributors of a job: who they are, how they work, and what is done about them."""
