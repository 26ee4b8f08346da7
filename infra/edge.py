"""CloudFront and a firewall in front of the API, as a stack of its own. Must not know what the API does.

CloudFront takes firewalls of us-east-1 alone, so this stack is there, and is told the API's host name by context.
"""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from typing import Final

from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_wafv2 as firewall

from infra.configuration import EDGE_REGION, Configuration
from infra.reviewed import LINTED, accept

PER_ADDRESS: Final = 2_000  # requests of one address in five minutes
MANAGED: Final = ("AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet")


class EdgeStack(Stack):
    """A distribution that passes every request on as it came and keeps no answer, behind a firewall."""

    def __init__(self, app: App, configuration: Configuration, place: Environment | None) -> None:
        super().__init__(
            app,
            f"bandit-selector-{configuration.environment}-edge",
            env=Environment(account=place.account if place else None, region=EDGE_REGION),
            description="Bandit Selector: CloudFront and a firewall in front of the API",
        )
        self.template_options.metadata = LINTED
        rules = [_few_of_one_address(), *(_managed(name, at) for at, name in enumerate(MANAGED, 1))]
        wall = firewall.CfnWebACL(
            self,
            "Firewall",
            scope="CLOUDFRONT",
            default_action=firewall.CfnWebACL.DefaultActionProperty(allow={}),
            rules=rules,
            visibility_config=_counted("Requests"),
        )
        origin = origins.HttpOrigin(
            configuration.edge_origin,
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
            origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
        )
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment="Bandit Selector",
            web_acl_id=wall.attr_arn,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            default_behavior=cloudfront.BehaviorOptions(
                origin=origin,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
                allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
                cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            ),
        )
        accept(distribution, "AwsSolutions-CFR1", "A site's visitors may be in any country.")
        accept(distribution, "AwsSolutions-CFR3", "The API's own access log has every request that is let through.")
        accept(distribution, "AwsSolutions-CFR4", "CloudFront's own name has no certificate of ours to choose TLS for.")
        CfnOutput(self, "EdgeUrl", value=f"https://{distribution.distribution_domain_name}")


def _few_of_one_address() -> firewall.CfnWebACL.RuleProperty:
    few = firewall.CfnWebACL.RateBasedStatementProperty(aggregate_key_type="IP", limit=PER_ADDRESS)
    return firewall.CfnWebACL.RuleProperty(
        name="FewOfOneAddress",
        priority=0,
        action=firewall.CfnWebACL.RuleActionProperty(block={}),
        statement=firewall.CfnWebACL.StatementProperty(rate_based_statement=few),
        visibility_config=_counted("FewOfOneAddress"),
    )


def _managed(name: str, priority: int) -> firewall.CfnWebACL.RuleProperty:
    group = firewall.CfnWebACL.ManagedRuleGroupStatementProperty(name=name, vendor_name="AWS")
    return firewall.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=firewall.CfnWebACL.OverrideActionProperty(none={}),
        statement=firewall.CfnWebACL.StatementProperty(managed_rule_group_statement=group),
        visibility_config=_counted(name),
    )


def _counted(name: str) -> firewall.CfnWebACL.VisibilityConfigProperty:
    return firewall.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
