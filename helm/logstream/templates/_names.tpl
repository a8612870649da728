{{/* Names and labels. */}}

{{- define "logstream.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 40 characters: component names add up to 22, and a StatefulSet's pods have a label with its name and a hash. */}}
{{- define "logstream.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "logstream.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "logstream.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The labels that select a component's pods: (list $ "gateway"). They must never change, because a Deployment's selector is
     immutable. */}}
{{- define "logstream.selector" -}}
app.kubernetes.io/name: {{ include "logstream.name" (first .) }}
app.kubernetes.io/instance: {{ (first .).Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end -}}

{{/* The labels of a component's resource: (list $ "gateway"), or (list $ "gateway" more-labels). */}}
{{- define "logstream.labels" -}}
{{- $ := first . -}}
{{- $more := gt (len .) 2 | ternary (last .) dict -}}
{{- include "logstream.selector" (list $ (index . 1)) }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" }}
{{- with merge dict $more $.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The name and labels of a component's resource: (list $ "gateway"), or (list $ "gateway" more-labels). */}}
{{- define "logstream.metadata" -}}
name: {{ include "logstream.fullname" (first .) }}-{{ index . 1 }}
namespace: {{ (first .).Release.Namespace }}
labels:
  {{- include "logstream.labels" . | nindent 2 }}
{{- end -}}

{{/* The DNS name of a Service for all pods of the cluster: (list $ "query"). */}}
{{- define "logstream.host" -}}
{{- $ := first . -}}
{{ include "logstream.fullname" $ }}-{{ last . }}.{{ $.Release.Namespace }}.svc.{{ $.Values.clusterDomain }}
{{- end -}}

{{/* Host names that a component accepts: (list $ "query"). They are the page's own, those of its Service, and those of the
     page's Service, because the page forwards the Host header. */}}
{{- define "logstream.allowedHosts" -}}
{{- $ := first . -}}
{{- $names := list -}}
{{- if $.Values.ingress.page.enabled }}{{ $names = append $names $.Values.ingress.page.host }}{{ end -}}
{{- if $.Values.gatewayApi.page.enabled }}{{ $names = concat $names $.Values.gatewayApi.page.hostnames }}{{ end -}}
{{- $names = concat $names $.Values.dashboard.allowedHosts -}}
{{- range list (last .) "dashboard" | uniq -}}
{{- $service := printf "%s-%s" (include "logstream.fullname" $) . -}}
{{- $names = concat $names (list $service (printf "%s.%s" $service $.Release.Namespace) (printf "%s.%s.svc" $service $.Release.Namespace) (include "logstream.host" (list $ .))) -}}
{{- end -}}
{{ $names | uniq | join "," }}
{{- end -}}

{{/* Allowed hosts and origins of page, query and stream: (list $ "query"). */}}
{{- define "logstream.visitors" -}}
- name: LOGSTREAM_ALLOWED_HOSTS
  value: {{ include "logstream.allowedHosts" . | quote }}
{{- with (first .).Values.dashboard.allowedOrigins }}
- name: LOGSTREAM_ALLOWED_ORIGINS
  value: {{ join "," . | quote }}
{{- end }}
{{- end -}}

{{/* A logstream image: (list $ .Values.gateway.image). */}}
{{- define "logstream.image" -}}
{{- $ := first . -}}
{{- $image := last . -}}
{{- with $.Values.images.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ coalesce $image.tag $.Values.images.tag $.Chart.AppVersion }}{{ end }}
{{- end -}}

{{/* An image of a server, whose repository includes its registry: .Values.redis.image. */}}
{{- define "logstream.serverImage" -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end -}}

{{/* An indented text on its own lines, or nothing if it is empty: (list 6 text). */}}
{{- define "logstream.block" -}}
{{- with last . | trim }}{{ . | nindent (first $) }}{{ end -}}
{{- end -}}
