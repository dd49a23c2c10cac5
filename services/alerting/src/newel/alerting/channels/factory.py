"""Builds a channel from its configuration: the one table of kinds."""

from newel.alerting.channels.http_post import Poster
from newel.alerting.channels.slack import SlackChannel
from newel.alerting.channels.webhook import WebhookChannel
from newel.alerting.config import Channel as ChannelConfig
from newel.alerting.config import Slack, Webhook
from newel.alerting.delivery import Channel
from newel.runtime.clock import Clock
from newel.runtime.config import ConfigError, read_secret
from newel.runtime.egress import EgressPolicy

_MIN_SECRET = 16


def build_channel(name: str, config: ChannelConfig, policy: EgressPolicy, clock: Clock) -> Channel:
    """Build a channel and read its secret. Raises `ConfigError` when that cannot be used."""
    seconds = config.timeout.total_seconds()
    if isinstance(config, Webhook):
        poster = Poster(config.url, seconds, policy, config.ca_file)
        secret = read_secret(config.secret_file)
        if len(secret) < _MIN_SECRET:
            raise ConfigError(f"{config.secret_file}: a webhook secret is 16 characters or more")
        return WebhookChannel(poster, secret.encode(), clock)
    if isinstance(config, Slack):
        url = read_secret(config.url_file)
        if not url.startswith(("https://", "http://")):
            raise ConfigError(f"{config.url_file}: this file does not hold an address")
        return SlackChannel(Poster(url, seconds, policy, config.ca_file))
    from newel.alerting.channels.email import EmailChannel  # loads what most processes never need

    password = read_secret(config.password_file) if config.password_file else ""
    return EmailChannel(name, config, password, policy, clock)
