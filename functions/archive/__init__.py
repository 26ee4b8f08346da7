"""The nightly archive: days that can no longer change go to S3 as Parquet; old partitions are dropped."""
