"""The archived events as a table that Athena reads, without a crawler: Glue's catalogue with partition projection."""

from typing import Final

from aws_cdk import Aws
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from bandit_selector.store.archives import COLUMNS
from constructs import Construct

from infra.configuration import Configuration

GLUE_TYPES: Final = {
    "BIGINT": "bigint",
    "INTEGER": "int",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "BOOLEAN": "boolean",
    "TIMESTAMPTZ": "timestamp",
}
PARQUET: Final = "org.apache.hadoop.hive.ql.io.parquet"


class Archive(Construct):
    """`database` holds one table, `impressions`; its partitions are days, computed and never registered."""

    def __init__(self, scope: Construct, construct_id: str, configuration: Configuration, bucket: s3.IBucket) -> None:
        super().__init__(scope, construct_id)
        self.database = f"bandit_selector_{configuration.environment}"
        events = f"s3://{bucket.bucket_name}/events"
        catalogue = glue.CfnDatabase(
            self,
            "Catalogue",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database, description="Bandit Selector: archived events"
            ),
        )
        table = glue.CfnTable(
            self,
            "Impressions",
            catalog_id=Aws.ACCOUNT_ID,
            database_name=self.database,
            table_input=glue.CfnTable.TableInputProperty(
                name="impressions",
                description="One row a movie shown; docs/archive.md explains the columns",
                table_type="EXTERNAL_TABLE",
                parameters=_projection(events),
                partition_keys=[glue.CfnTable.ColumnProperty(name="date", type="string")],
                storage_descriptor=_parquet_files(events),
            ),
        )
        table.add_resource_dependency(catalogue)


def _projection(events: str) -> dict[str, str]:
    """https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html"""
    return {
        "EXTERNAL": "TRUE",
        "classification": "parquet",
        "projection.enabled": "true",
        "projection.date.type": "date",
        "projection.date.format": "yyyy-MM-dd",
        "projection.date.range": "2025-01-01,NOW",
        "projection.date.interval": "1",
        "projection.date.interval.unit": "DAYS",
        "storage.location.template": f"{events}/date=${{date}}/",
    }


def _parquet_files(events: str) -> glue.CfnTable.StorageDescriptorProperty:
    return glue.CfnTable.StorageDescriptorProperty(
        location=f"{events}/",
        input_format=f"{PARQUET}.MapredParquetInputFormat",
        output_format=f"{PARQUET}.MapredParquetOutputFormat",
        serde_info=glue.CfnTable.SerdeInfoProperty(serialization_library=f"{PARQUET}.serde.ParquetHiveSerDe"),
        columns=[glue.CfnTable.ColumnProperty(name=name, type=GLUE_TYPES[kind]) for name, kind in COLUMNS.items()],
    )
