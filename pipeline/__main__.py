"""``python -m pipeline``."""

if __name__ == "__main__":
    # Here, since each worker process runs this file again, under another name.
    from pipeline.cli import main

    main(prog_name="python -m pipeline")
