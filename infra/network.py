"""The network of functions and database: an isolated VPC, or the team's own."""

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.configuration import Configuration

ENDPOINTS: Final = {"Secrets": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER}
"""Services that functions in the VPC call by HTTPS; S3 has a free gateway."""


class Network(Construct):
    """`vpc`, its `subnets` for functions, and the security group of every function with a database."""

    def __init__(self, scope: Construct, construct_id: str, configuration: Configuration) -> None:
        super().__init__(scope, construct_id)
        theirs = configuration.vpc_id
        self.vpc = ec2.Vpc.from_lookup(self, "Vpc", vpc_id=theirs) if theirs else self._make(configuration)
        self.subnets = ec2.SubnetSelection(subnets=self.vpc.private_subnets or self.vpc.isolated_subnets)
        self.functions = ec2.SecurityGroup(
            self, "Functions", vpc=self.vpc, description="Functions that use the database", allow_all_outbound=True
        )

    def _make(self, configuration: Configuration) -> ec2.IVpc:
        """Two zones of isolated subnets: no internet gateway, no NAT; AWS is reached through endpoints."""
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(configuration.vpc_cidr),
            max_azs=2,
            nat_gateways=0,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=22)
            ],
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
        )
        self._log_refused(vpc, configuration)
        near = ec2.SubnetSelection(subnets=vpc.isolated_subnets[: configuration.endpoint_zones])
        group = ec2.SecurityGroup(self, "Endpoints", vpc=vpc, description="AWS services", allow_all_outbound=False)
        group.add_ingress_rule(ec2.Peer.ipv4(configuration.vpc_cidr), ec2.Port.tcp(443), "HTTPS from inside")
        for name, service in ENDPOINTS.items():
            vpc.add_interface_endpoint(name, service=service, subnets=near, security_groups=[group], open=False)
        return vpc

    def _log_refused(self, vpc: ec2.Vpc, configuration: Configuration) -> None:
        group = logs.LogGroup(
            self,
            "RefusedTraffic",
            retention=log_retention(configuration),
            removal_policy=RemovalPolicy.DESTROY,
        )
        vpc.add_flow_log(
            "Refused",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )


def log_retention(configuration: Configuration) -> logs.RetentionDays:
    """The configured number of days as CDK's enumeration."""
    days = {1: "ONE_DAY", 3: "THREE_DAYS", 5: "FIVE_DAYS", 7: "ONE_WEEK", 14: "TWO_WEEKS", 30: "ONE_MONTH"}
    months = {60: "TWO_MONTHS", 90: "THREE_MONTHS", 180: "SIX_MONTHS", 365: "ONE_YEAR"}
    return logs.RetentionDays[{**days, **months}[configuration.log_days]]
