"""``python -m pipeline``."""

if __name__ == "__main__":
    # Here, since each worker process runs this file again, under another name.
    from pipeline.cli import program

    program("python -m pipeline")
