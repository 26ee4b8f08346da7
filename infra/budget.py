"""A monthly budget whose forecast pages the operators. Knows no resource that costs."""

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_sns as sns
from constructs import Construct


def limit_spending(scope: Construct, dollars: int, pages: sns.ITopic) -> budgets.CfnBudget:
    """Pages at 80 % spent and 100 % forecast, of what has the tag `service` (activate it as a cost allocation tag)."""
    return budgets.CfnBudget(
        scope,
        "Budget",
        budget=budgets.CfnBudget.BudgetDataProperty(
            budget_type="COST",
            time_unit="MONTHLY",
            budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
            cost_filters={"TagKeyValue": ["user:service$bandit-selector"]},
        ),
        notifications_with_subscribers=[_told("ACTUAL", 80, pages), _told("FORECASTED", 100, pages)],
    )


def _told(kind: str, percent: int, pages: sns.ITopic) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    return budgets.CfnBudget.NotificationWithSubscribersProperty(
        notification=budgets.CfnBudget.NotificationProperty(
            comparison_operator="GREATER_THAN", notification_type=kind, threshold=percent, threshold_type="PERCENTAGE"
        ),
        subscribers=[budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=pages.topic_arn)],
    )
