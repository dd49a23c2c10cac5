"""The templates an authority renders into the SSH configuration of its users and hosts (Go text/template)."""

from typing import Any


def entry(name: str, kind: str, path: str, requires: list[str] | None = None) -> dict[str, Any]:
    """One template as ca.json names it."""
    made: dict[str, Any] = {
        "name": name, "type": kind, "template": f"templates/ssh/{name}", "path": path, "comment": "#",
    }  # fmt: skip # a table
    return made | {"requires": requires} if requires else made


ENTRIES: dict[str, Any] = {
    "user": [
        entry("config.tpl", "snippet", "~/.ssh/config"),
        entry("step_includes.tpl", "prepend-line", "${STEPPATH}/ssh/includes"),
        entry("step_config.tpl", "file", "ssh/config"),
        entry("known_hosts.tpl", "file", "ssh/known_hosts"),
    ],
    "host": [
        entry("sshd_config.tpl", "snippet", "/etc/ssh/sshd_config", ["Certificate", "Key"]),
        entry("ca.tpl", "snippet", "/etc/ssh/ca.pub"),
    ],
}

_WINDOWS = '{{- $windows := eq "windows" (or .User.GOOS "none") -}}'
_SLASHED = (
    '{{ if $windows }}{{ replace "\\\\" "/" %s | trimPrefix "C:" }}{{ else }}{{ %s }}{{ end }}'
)
_FLAGS = (
    "{{ with .User.Context }} --context {{ . }}{{ end }}{{ if .User.Console }} --console{{ end }}"
    "{{ with .User.Provisioner }} --provisioner {{ . }}{{ end }}"
)
_KEY = "{{ .Type }} {{ .Marshal | toString | b64enc }}"

TEXTS = {
    "config.tpl": (
        f"{_WINDOWS}{{{{- $base := or .User.StepBasePath .User.StepPath -}}}}\n"
        "Host *\n"
        f'\tInclude "{_SLASHED % ("$base", "$base")}/ssh/includes"'
    ),
    "step_includes.tpl": (
        f'{_WINDOWS}Include "{_SLASHED % (".User.StepPath", ".User.StepPath")}/ssh/config"'
    ),
    "step_config.tpl": (
        f"{_WINDOWS}\n"
        'Match exec "step ssh check-host{{ with .User.Context }} --context {{ . }}{{ end }} %h"\n'
        "{{- with .User.User }}\n\tUser {{ . }}{{ end }}\n"
        "{{- if $windows }}\n"
        '\tUserKnownHostsFile "{{ .User.StepPath }}\\ssh\\known_hosts"\n'
        f"\tProxyCommand C:\\Windows\\System32\\cmd.exe /c step ssh proxycommand{_FLAGS} %r %h %p\n"
        "{{- else }}\n"
        '\tUserKnownHostsFile "{{ .User.StepPath }}/ssh/known_hosts"\n'
        f"\tProxyCommand step ssh proxycommand{_FLAGS} %r %h %p\n"
        "{{- end }}\n"
    ),
    "known_hosts.tpl": (
        f"{{{{ with .Step.SSH.HostKey }}}}@cert-authority * {_KEY}{{{{ end }}}}\n"
        f"{{{{- range .Step.SSH.HostFederatedKeys }}}}\n@cert-authority * {_KEY}\n{{{{- end }}}}\n"
    ),
    "sshd_config.tpl": (
        "Match all\n"
        "\tTrustedUserCAKeys /etc/ssh/ca.pub\n"
        "\tHostCertificate /etc/ssh/{{ .User.Certificate }}\n"
        "\tHostKey /etc/ssh/{{ .User.Key }}"
    ),
    "ca.tpl": (
        f"{{{{ with .Step.SSH.UserKey }}}}{_KEY}{{{{ end }}}}\n"
        f"{{{{- range .Step.SSH.UserFederatedKeys }}}}\n{_KEY}\n{{{{- end }}}}\n"
    ),
}
"""The text of each, by name."""
