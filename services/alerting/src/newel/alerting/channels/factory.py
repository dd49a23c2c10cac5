"""Builds a channel from its configuration: the one table of kinds."""

from functools import partial
from pathlib import Path

from newel.alerting.channels import alertmanager, opsgenie, pagerduty, slack, teams, webhook
from newel.alerting.channels.http_post import Poster
from newel.alerting.channels.posting import PostChannel
from newel.alerting.config import (
    Alertmanager,
    Email,
    Opsgenie,
    PagerDuty,
    Slack,
    Syslog,
    Teams,
    Webhook,
)
from newel.alerting.config import Channel as ChannelConfig
from newel.alerting.delivery import Channel
from newel.runtime.clock import Clock
from newel.runtime.config import ConfigError, read_secret
from newel.runtime.egress import EgressPolicy

_MIN_SECRET = 16


def build_channel(name: str, config: ChannelConfig, policy: EgressPolicy, clock: Clock) -> Channel:
    """Build a channel and read its secret. Raises `ConfigError` when that cannot be used."""
    # those that are imported here load what most processes never need
    if isinstance(config, Email):
        from newel.alerting.channels.email import EmailChannel

        password = read_secret(config.password_file) if config.password_file else ""
        return EmailChannel(name, config, password, policy, clock)
    if isinstance(config, Syslog):
        from newel.alerting.channels.syslog import SyslogChannel

        return SyslogChannel(config, policy)
    seconds = config.timeout.total_seconds()
    match config:
        case Webhook():
            url = config.url
            build = partial(webhook.build_request, _webhook_key(config.secret_file), clock)
        case Slack():
            url, build = _address(config.url_file), slack.build_request
        case Teams():
            url, build = _address(config.url_file), teams.build_request
        case PagerDuty():
            url = config.url
            build = partial(pagerduty.build_request, _secret(config.routing_key_file))
        case Opsgenie():
            url = config.url
            build = partial(opsgenie.build_request, _secret(config.api_key_file))
        case Alertmanager():
            url = config.url
            token = _secret(config.token_file) if config.token_file else ""
            build = partial(alertmanager.build_request, token)
    return PostChannel(Poster(url, seconds, policy, config.ca_file), build)


def _secret(file: Path) -> str:
    secret = read_secret(file)
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ConfigError(f"{file}: this file does not hold a key of one line")
    return secret


def _webhook_key(file: Path) -> bytes:
    secret = read_secret(file)
    if len(secret) < _MIN_SECRET:
        raise ConfigError(f"{file}: a webhook secret is {_MIN_SECRET} characters or more")
    try:
        return webhook.read_key(secret)
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from None


def _address(file: Path) -> str:
    url = read_secret(file)
    if not url.startswith(("https://", "http://")):
        raise ConfigError(f"{file}: this file does not hold an address")
    return url
