{{/* Names and labels. */}}

{{- define "logstream.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 40 characters: components add up to 22, and a StatefulSet's pods carry a hash behind its name in a label. */}}
{{- define "logstream.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "logstream.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "logstream.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a component: (list $ "gateway"). Must never change: a Deployment's selector can't. */}}
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

{{/* A Service's name as every pod of the cluster can look it up: (list $ "query"). */}}
{{- define "logstream.host" -}}
{{- $ := first . -}}
{{ include "logstream.fullname" $ }}-{{ last . }}.{{ $.Release.Namespace }}.svc.{{ $.Values.clusterDomain }}
{{- end -}}

{{/* Names by which a component may be asked: the page's own, those by which others in the cluster know it, or the page, which
     passes the name on. (list $ "query"). */}}
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

{{/* Who may ask, for page, query and stream alike. (list $ "query"). */}}
{{- define "logstream.visitors" -}}
- name: LOGSTREAM_ALLOWED_HOSTS
  value: {{ include "logstream.allowedHosts" . | quote }}
{{- with (first .).Values.dashboard.allowedOrigins }}
- name: LOGSTREAM_ALLOWED_ORIGINS
  value: {{ join "," . | quote }}
{{- end }}
{{- end -}}

{{/* An image of ours: (list $ .Values.gateway.image). */}}
{{- define "logstream.image" -}}
{{- $ := first . -}}
{{- $image := last . -}}
{{- with $.Values.images.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ coalesce $image.tag $.Values.images.tag $.Chart.AppVersion }}{{ end }}
{{- end -}}

{{/* An image of a server, which has a registry of its own: .Values.redis.image. */}}
{{- define "logstream.serverImage" -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end -}}

{{/* A text on lines of its own, or nothing at all where it is empty: (list 6 text). */}}
{{- define "logstream.block" -}}
{{- with last . | trim }}{{ . | nindent (first $) }}{{ end -}}
{{- end -}}
