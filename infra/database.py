"""The PostgreSQL that functions use: an Aurora Serverless cluster, or the team's own behind a secret."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.configuration import Configuration
from infra.network import Network, log_retention
from infra.reviewed import accept

ENGINE: Final = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_17_7)
NAME: Final = "bandit"
OWNER: Final = "bandit_owner"
PORT: Final = 5433  # not PostgreSQL's usual one, as AwsSolutions-RDS11 asks
THEIR_PORT: Final = 5432


class Database(Construct):
    """`settings` are what a function needs to reach it; `ready` must exist before any function runs a statement."""

    def __init__(
        self, scope: Construct, construct_id: str, configuration: Configuration, network: Network, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self._secret_key = configuration.database_secret_key_arn
        self.cluster: rds.DatabaseCluster | None = None
        self.ready: list[Construct] = [*network.ready]
        if configuration.database_secret_arn:
            arn = configuration.database_secret_arn
            self.secret = secretsmanager.Secret.from_secret_complete_arn(self, "Secret", arn)
            self.url = configuration.database_url
            self._admit(configuration, network)
        else:
            self.cluster = self._make(configuration, network, key)
            self.ready.append(self.cluster)
            self.secret = _present(self.cluster.secret)
            endpoint = self.cluster.cluster_endpoint
            self.url = f"postgresql://{endpoint.hostname}:{PORT}/{NAME}"

    @property
    def settings(self) -> dict[str, str]:
        return {"DATABASE_SECRET_ARN": self.secret.secret_arn} | ({"DATABASE_URL": self.url} if self.url else {})

    def admit(self, role: iam.IRole) -> None:
        """Lets a function read the password and no other secret."""
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[self.secret.secret_arn])
        )
        if self._secret_key:
            role.add_to_principal_policy(iam.PolicyStatement(actions=["kms:Decrypt"], resources=[self._secret_key]))

    def _admit(self, configuration: Configuration, network: Network) -> None:
        """Opens the team's own security group for the functions, if one is configured."""
        if configuration.database_security_group_id:
            opened = ec2.CfnSecurityGroupIngress(
                self,
                "FromFunctions",
                group_id=configuration.database_security_group_id,
                source_security_group_id=network.functions.security_group_id,
                ip_protocol="tcp",
                from_port=THEIR_PORT,
                to_port=THEIR_PORT,
                description="Bandit Selector",
            )
            self.ready.append(opened)

    def _make(self, configuration: Configuration, network: Network, key: kms.IKey) -> rds.DatabaseCluster:
        name = f"bandit-selector-{configuration.environment}"
        log = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/rds/cluster/{name}/postgresql",  # made before RDS, so that retention applies
            retention=log_retention(configuration),
            removal_policy=RemovalPolicy.DESTROY,
        )
        cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            cluster_identifier=name,
            engine=ENGINE,
            port=PORT,
            vpc=network.vpc,
            vpc_subnets=network.subnets,
            writer=_instance("writer"),
            readers=[_instance(f"reader{number}") for number in range(configuration.database_readers)],
            serverless_v2_min_capacity=configuration.database_min_capacity,
            serverless_v2_max_capacity=configuration.database_max_capacity,
            serverless_v2_auto_pause_duration=_pause(configuration),
            default_database_name=NAME,
            credentials=rds.Credentials.from_username(OWNER),
            manage_master_user_password=True,
            parameters={"rds.force_ssl": "1"},
            iam_authentication=True,
            storage_encrypted=True,
            storage_encryption_key=key,
            backup=rds.BackupProps(retention=Duration.days(configuration.backup_days)),
            copy_tags_to_snapshot=True,
            cloudwatch_logs_exports=["postgresql"],
            deletion_protection=configuration.keep_data,
            removal_policy=RemovalPolicy.SNAPSHOT if configuration.keep_data else RemovalPolicy.DESTROY,
        )
        cluster.node.add_dependency(log)
        if not configuration.keep_data:
            accept(cluster, "AwsSolutions-RDS10", "keep_data is off: this environment is meant to be thrown away.")
        cluster.connections.allow_from(network.functions, ec2.Port.tcp(PORT), "Functions")
        return cluster


def _instance(name: str) -> rds.IClusterInstance:
    """An instance; a reader scales with the writer, as it takes over when the writer's zone fails."""
    options = rds.ClusterInstance.serverless_v2
    authority = rds.CaCertificate.RDS_CA_RSA2048_G1
    if name == "writer":
        return options(name, ca_certificate=authority, publicly_accessible=False)
    return options(name, ca_certificate=authority, publicly_accessible=False, scale_with_writer=name == "reader0")


def _pause(configuration: Configuration) -> Duration | None:
    minutes = configuration.database_pause_minutes
    return Duration.minutes(minutes) if minutes else None


def _present(secret: secretsmanager.ISecret | None) -> secretsmanager.ISecret:
    if secret is None:
        raise TypeError("The cluster was made without a secret; manage_master_user_password must stay on.")
    return secret
