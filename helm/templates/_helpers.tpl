{{- define "newel.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What a selector needs. Called with (dict "root" $ "component" "issuing"). */}}
{{- define "newel.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "newel.labels" -}}
{{ include "newel.selector" . }}
app.kubernetes.io/part-of: newel
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "newel.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "newel.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "newel.image" -}}
{{ .root.Values.image.repository }}-{{ .component }}:{{ default .root.Chart.AppVersion .root.Values.image.tag }}
{{- end -}}

{{/* The components of the shape that is chosen. ports: of its Service and what it listens at; from: who may
     call its gRPC; to: whom it calls; asks: whose interfaces it calls, by the port of the pod. "health" is not
     in the Service. */}}
{{- define "newel.components" -}}
{{- if eq .Values.mode "standalone" }}
standalone: { ports: { https: { service: 443, pod: 9000 }, http: { service: 80, pod: 9080 } }, health: health }
{{- else }}
registration: { ports: { https: { service: 443, pod: 9000 } }, health: health, to: [issuing, inventory, postgres, nats], asks: { {{ if .Values.ssh.enabled }}validation: 9080{{ end }} }, out: validationPeers }
issuing: { ports: { grpc: { service: 9090, pod: 9090 } }, health: health, from: [registration, validation, inventory], to: [signer, postgres, nats] }
signer: { ports: { grpc: { service: 9090, pod: 9090 } }, health: health, from: [issuing, validation], to: [] }
validation: { ports: { http: { service: 80, pod: 9080 } }, health: health, to: [issuing, signer, postgres, nats] }
inventory: { ports: { https: { service: 443, pod: 9443 }, grpc: { service: 9090, pod: 9090 } }, health: health, from: [registration, alerting], to: [issuing, postgres, nats] }
alerting: { ports: { https: { service: 443, pod: 9443 } }, health: health, to: [inventory, postgres, nats], out: deliveryPeers }
dashboard: { ports: { https: { service: 443, pod: 9443 } }, health: health, to: [postgres], asks: { registration: 9000, inventory: 9443, alerting: 9443, validation: 9080 } }
{{- end }}
{{- end -}}

{{/* The Service that clients reach over HTTPS, and the one that answers OCSP and CRL over HTTP. */}}
{{- define "newel.front" -}}
{{ include "newel.fullname" . }}-{{ eq .Values.mode "standalone" | ternary "standalone" "registration" }}
{{- end -}}

{{- define "newel.status" -}}
{{ include "newel.fullname" . }}-{{ eq .Values.mode "standalone" | ternary "standalone" "validation" }}
{{- end -}}

{{/* Names of the server certificate: those of the values, then the Service's own, so that it works in the cluster. */}}
{{- define "newel.dnsNames" -}}
{{- $front := include "newel.front" . -}}
{{- $own := list (printf "%s.%s.svc" $front .Release.Namespace) (printf "%s.%s.svc.cluster.local" $front .Release.Namespace) $front "localhost" -}}
{{- concat .Values.dnsNames $own | uniq | toJson -}}
{{- end -}}

{{/* What certificates name for OCSP and CRLs: the Service, unless the values name something reachable from outside. */}}
{{- define "newel.httpUrl" -}}
{{- if .Values.httpUrl -}}
{{ trimSuffix "/" .Values.httpUrl }}
{{- else -}}
http://{{ include "newel.status" . }}.{{ .Release.Namespace }}.svc
{{- end -}}
{{- end -}}

{{/* deploy/config/<component>.toml with this release's places. Called with (dict "root" $ "component" …). */}}
{{- define "newel.config" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
{{- $full := include "newel.fullname" .root -}}
{{- $text := .root.Files.Get (printf "config/%s.toml" .component) -}}
{{- if $values.ssh.enabled -}}
{{- $more := .root.Files.Get (printf "config/ssh/%s.toml" .component) -}}
{{- if $more -}}{{- $text = printf "%s\n%s" $text $more -}}{{- end -}}
{{- end -}}
{{- $text = regexReplaceAll "(?m)^audit_file = .*\n" $text "" -}}
{{- range $peer := list "issuing" "signer" "inventory" -}}
{{- $text = replace (printf "dns:///%s:9090" $peer) (printf "dns:///%s-%s:9090" $full $peer) $text -}}
{{- end -}}
{{- $text = replace "@postgres:5432/newel?" (printf "@%s:%d/%s?" $values.postgres.host (int $values.postgres.port) $values.postgres.database) $text -}}
{{- $text = replace "tls://nats:4222" (printf "tls://%s:%d" $values.nats.host (int $values.nats.port)) $text -}}
{{- if eq .component "dashboard" -}}
{{- $text = replace "https://localhost:9000" (printf "https://%s" (first (fromJsonArray (include "newel.dnsNames" $root)))) $text -}}
{{- $text = replace "https://registration:9000" (printf "https://%s-registration:443" $full) $text -}}
{{- $text = replace "https://inventory:9443" (printf "https://%s-inventory:443" $full) $text -}}
{{- $text = replace "https://alerting:9443" (printf "https://%s-alerting:443" $full) $text -}}
{{- /* A pod's health is in no Service: the kubelet asks it. */ -}}
{{- $text = regexReplaceAll "(?s)\\[health\\].*?\n\n" $text "" -}}
{{- end -}}
{{- $text = replace "http://validation:9080" (printf "http://%s-validation:80" $full) $text -}}
{{- $text = replace "http://localhost:9080" (include "newel.httpUrl" $root) $text -}}
{{- $text = replace `dns_names = ["localhost", "127.0.0.1", "::1"]` (printf "dns_names = %s" (include "newel.dnsNames" $root)) $text -}}
{{- $text = replace "/usr/lib/softhsm/libsofthsm2.so" $values.signer.module $text -}}
{{- $extra := (index $values .component).extraConfig -}}
{{- $text -}}
{{- if $extra }}
{{ $extra }}
{{- end -}}
{{- end -}}

{{/* The controller's configuration. */}}
{{- define "newel.controllerConfig" -}}
{{- $name := printf "%s-kubernetes" (include "newel.fullname" .) -}}
namespace = {{ .Release.Namespace | quote }}
service_account = {{ $name | quote }}
lease = {{ $name | quote }}
{{- $resources := list "newel-issuers" -}}
{{- range $value, $name := dict "stepIssuers" "step-issuers" "signingRequests" "signing-requests" "trustBundles" "trust-bundles" -}}
{{- if index $.Values.kubernetes $value -}}{{- $resources = append $resources $name -}}{{- end -}}
{{- end }}
resources = {{ toJson $resources }}
{{- with .Values.kubernetes.extraConfig }}
{{ . }}
{{- end }}

[runtime]
health = "0.0.0.0:9100"
access_log = false
{{- end -}}
