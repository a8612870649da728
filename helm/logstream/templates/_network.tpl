{{/* Parts of network policies. Each component's own policy lists its incoming and outgoing connections; all others are
     denied. */}}

{{- define "logstream.dnsEgress" -}}
# DNS, at any address, because the address of the name servers depends on the cluster.
- ports:
    {{- range .Values.networkPolicy.dnsPorts }}
    - protocol: UDP
      port: {{ . }}
    - protocol: TCP
      port: {{ . }}
    {{- end }}
{{- end -}}

{{/* To a server: (list $ "rabbitmq" port-in-this-chart external-port). */}}
{{- define "logstream.serverEgress" -}}
{{- $ := index . 0 -}}
{{- $server := index . 1 -}}
{{- if (index $.Values $server).enabled }}
- to:
    - podSelector:
        matchLabels:
          {{- include "logstream.selector" (list $ $server) | nindent 10 }}
  ports:
    - protocol: TCP
      port: {{ index . 2 }}
{{- else }}
- ports:
    - protocol: TCP
      port: {{ index . 3 }}
  {{- with $.Values.networkPolicy.externalCidrs }}
  to:
    {{- range . }}
    - ipBlock:
        cidr: {{ . | quote }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "logstream.databaseEgress" -}}
{{- include "logstream.serverEgress" (list . "timescaledb" 5432 .Values.external.database.port) -}}
{{- end -}}

{{- define "logstream.rabbitmqEgress" -}}
{{- include "logstream.serverEgress" (list . "rabbitmq" 5672 .Values.external.rabbitmq.port) -}}
{{- end -}}

{{- define "logstream.redisEgress" -}}
{{- include "logstream.serverEgress" (list . "redis" 6379 .Values.external.redis.port) -}}
{{- end -}}

{{/* From pods of components to a port: (list $ 6379 "writer" "stream"). */}}
{{- define "logstream.ingressFrom" -}}
{{- $ := index . 0 -}}
- from:
    {{- range slice . 2 }}
    - podSelector:
        matchLabels:
          {{- include "logstream.selector" (list $ .) | nindent 10 }}
    {{- end }}
  ports:
    - protocol: TCP
      port: {{ index . 1 }}
{{- end -}}

{{/* From clients outside the release, which send logs or open the page: (list $ 4317 4318). */}}
{{- define "logstream.ingressFromClients" -}}
{{- with (index . 0).Values.networkPolicy.clients -}}
- from:
    {{- toYaml . | nindent 4 }}
  ports:
{{- else -}}
# From any address; networkPolicy.clients restricts it.
- ports:
{{- end }}
    {{- range slice . 1 }}
    - protocol: TCP
      port: {{ . }}
    {{- end }}
{{- end -}}

{{/* From Prometheus: (list $ 9464). */}}
{{- define "logstream.ingressFromMonitoring" -}}
{{- $ := index . 0 -}}
{{- if $.Values.monitoring.serviceMonitors.enabled }}
- from:
    {{- toYaml $.Values.networkPolicy.monitoring | nindent 4 }}
  ports:
    - protocol: TCP
      port: {{ index . 1 }}
{{- end }}
{{- end -}}
