"""The PostgreSQL that functions use: an Aurora Serverless cluster, or the team's own behind a secret."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from dataclasses import dataclass
from typing import Final, cast

from aws_cdk import ArnFormat, CfnDeletionPolicy, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from bandit_selector.store.roles import role_of
from constructs import Construct

from infra.configuration import ADDRESS, Configuration
from infra.network import Network, log_retention
from infra.reviewed import accept

ENGINE: Final = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_17_7)
NAME: Final = "bandit"
OWNER: Final = "bandit_owner"
PORT: Final = 5433  # not PostgreSQL's usual one, as AwsSolutions-RDS11 asks
THEIR_PORT: Final = 5432


@dataclass(frozen=True, slots=True)
class Address:
    """How functions reach the database: by a secret with the owner's password, or as their own role by IAM.

    `host` is what follows the user in a PostgreSQL URL; empty where the secret says it. `users` is the ARN under which
    IAM knows the database's users; empty where every function uses the secret.
    """

    secret_arn: str
    secret_key_arn: str
    host: str
    users: str

    def settings(self, function: str) -> dict[str, str]:
        """What a function is told."""
        role = role_of(function)
        if role and self.users:
            return {"DATABASE_URL": f"postgresql://{role}@{self.host}", "DATABASE_IAM": "true"}
        told = {"DATABASE_SECRET_ARN": self.secret_arn, "DATABASE_ROLE": role}
        told |= {"DATABASE_URL": f"postgresql://{self.host}"} if self.host else {}
        return {name: value for name, value in told.items() if value}

    def admit(self, function: str, role: iam.IRole) -> None:
        """Lets a function log in as its own role, or read the password, and no other."""
        user = role_of(function)
        if user and self.users:
            connect = iam.PolicyStatement(actions=["rds-db:connect"], resources=[f"{self.users}/{user}"])
            role.add_to_principal_policy(connect)
            return
        read = iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[self.secret_arn])
        role.add_to_principal_policy(read)
        if self.secret_key_arn:
            decrypt = iam.PolicyStatement(actions=["kms:Decrypt"], resources=[self.secret_key_arn])
            role.add_to_principal_policy(decrypt)


class Database(Construct):
    """`address_in` says how functions reach it.

    What changes when a database is restored is handed on by parameters, because CloudFormation refuses to change a
    value that another stack imports.
    """

    def __init__(
        self, scope: Construct, construct_id: str, configuration: Configuration, network: Network, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self._configuration = configuration
        self._network = network
        self.cluster: rds.DatabaseCluster | None = None
        if configuration.database_secret_arn:
            self._admit(configuration, network)
        else:
            self.cluster = self._make(configuration, network, key)
            endpoint = self.cluster.cluster_endpoint
            self._hand_on("host", f"{endpoint.hostname}:{PORT}/{NAME}")
            self._hand_on("users", self.cluster.cluster_resource_identifier)
            self._hand_on("secret", _present(self.cluster.secret).secret_arn)

    def metric(self, name: str, statistic: str = "Average") -> cloudwatch.Metric:
        """One of RDS's metrics of our cluster, by its name: a reference would keep another stack from restoring it."""
        named = {"DBClusterIdentifier": self._configuration.cluster_name}
        return cloudwatch.Metric(
            namespace="AWS/RDS",
            metric_name=name,
            dimensions_map=named,
            statistic=statistic,
            period=Duration.minutes(5),
        )

    def address_in(self, scope: Construct) -> Address:
        """The address for functions of another stack."""
        chosen = self._configuration
        if self.cluster:
            host, users, secret = (
                ssm.StringParameter.value_for_string_parameter(scope, chosen.parameter(part)) for part in ADDRESS
            )
            return Address(secret, "", host, _users(scope, users))
        users = _users(scope, chosen.database_resource_id) if chosen.database_resource_id else ""
        host = chosen.database_url.partition("://")[2]
        return Address(chosen.database_secret_arn, chosen.database_secret_key_arn, host, users)

    def _hand_on(self, part: str, value: str) -> None:
        ssm.StringParameter(self, part.title(), parameter_name=self._configuration.parameter(part), string_value=value)

    def _admit(self, configuration: Configuration, network: Network) -> None:
        """Opens the team's own security group for the functions, if one is configured."""
        if configuration.database_security_group_id:
            ec2.CfnSecurityGroupIngress(
                self,
                "FromFunctions",
                group_id=configuration.database_security_group_id,
                source_security_group_id=network.functions.security_group_id,
                ip_protocol="tcp",
                from_port=THEIR_PORT,
                to_port=THEIR_PORT,
                description="Bandit Selector",
            )

    def _make(self, configuration: Configuration, network: Network, key: kms.IKey) -> rds.DatabaseCluster:
        name = configuration.cluster_name
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
        made = cast("rds.CfnDBCluster", cluster.node.default_child)
        if configuration.keep_data:  # a restored cluster replaces this one, which stays until somebody deletes it
            made.apply_removal_policy(RemovalPolicy.SNAPSHOT, apply_to_update_replace_policy=False)
            made.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
        _restore(made, configuration.restore_from)
        accept(cluster, "CloudFormation-Validate::W3689", "A restored cluster is encrypted as its source is.")
        if not configuration.keep_data:
            accept(cluster, "AwsSolutions-RDS10", "keep_data is off: this environment is meant to be thrown away.")
        cluster.connections.allow_from(network.functions, ec2.Port.tcp(PORT), "Functions")
        return cluster


def _restore(cluster: rds.CfnDBCluster, source: str) -> None:
    """Fills the new cluster from a snapshot, or from a cluster as it was; users and databases come from there, too."""
    if not source:
        return
    name, _, moment = source.partition("@")
    if not moment:
        cluster.snapshot_identifier = name
    else:
        cluster.source_db_cluster_identifier = name
        if moment == "latest":
            cluster.use_latest_restorable_time = True
        else:
            cluster.restore_to_time = moment
    cluster.master_username = cluster.database_name = None


def _users(scope: Construct, resource: str) -> str:
    """The ARN under which IAM knows the users of a database, whose resource id RDS gives."""
    return Stack.of(scope).format_arn(
        service="rds-db", resource="dbuser", resource_name=resource, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )


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
