{{/* Where TimescaleDB, RabbitMQ and Redis are: in this chart, or outside. */}}

{{- define "logstream.databaseSecret" -}}
{{- if .Values.timescaledb.enabled -}}
{{- default (printf "%s-timescaledb" (include "logstream.fullname" .)) .Values.timescaledb.existingSecret -}}
{{- else -}}
{{- default (printf "%s-external" (include "logstream.fullname" .)) .Values.external.database.existingSecret -}}
{{- end -}}
{{- end -}}

{{- define "logstream.databaseKey" -}}
{{- if .Values.timescaledb.enabled -}}url
{{- else if .Values.external.database.existingSecret -}}{{ .Values.external.database.urlKey }}
{{- else -}}database-url
{{- end -}}
{{- end -}}

{{- define "logstream.databaseReadKey" -}}
{{- if .Values.timescaledb.enabled -}}url
{{- else if .Values.external.database.existingSecret -}}{{ default .Values.external.database.urlKey .Values.external.database.readUrlKey }}
{{- else -}}{{ ternary "database-read-url" "database-url" (not (empty .Values.external.database.readUrl)) }}
{{- end -}}
{{- end -}}

{{- define "logstream.rabbitmqSecret" -}}
{{- if .Values.rabbitmq.enabled -}}
{{- default (printf "%s-rabbitmq" (include "logstream.fullname" .)) .Values.rabbitmq.existingSecret -}}
{{- else -}}
{{- default (printf "%s-external" (include "logstream.fullname" .)) .Values.external.rabbitmq.existingSecret -}}
{{- end -}}
{{- end -}}

{{- define "logstream.rabbitmqKey" -}}
{{- if .Values.rabbitmq.enabled -}}url
{{- else if .Values.external.rabbitmq.existingSecret -}}{{ .Values.external.rabbitmq.urlKey }}
{{- else -}}rabbitmq-url
{{- end -}}
{{- end -}}

{{- define "logstream.managementSecret" -}}
{{- $other := and (not .Values.rabbitmq.enabled) .Values.external.rabbitmq.managementExistingSecret -}}
{{- $other | default (include "logstream.rabbitmqSecret" .) -}}
{{- end -}}

{{- define "logstream.managementKey" -}}
{{- if .Values.rabbitmq.enabled -}}management-url
{{- else if or .Values.external.rabbitmq.existingSecret .Values.external.rabbitmq.managementExistingSecret -}}
{{ .Values.external.rabbitmq.managementUrlKey }}
{{- else -}}rabbitmq-management-url
{{- end -}}
{{- end -}}

{{- define "logstream.redisSecret" -}}
{{- if .Values.redis.enabled -}}
{{- default (printf "%s-redis" (include "logstream.fullname" .)) .Values.redis.existingSecret -}}
{{- else -}}
{{- default (printf "%s-external" (include "logstream.fullname" .)) .Values.external.redis.existingSecret -}}
{{- end -}}
{{- end -}}

{{- define "logstream.redisKey" -}}
{{- if .Values.redis.enabled -}}url
{{- else if .Values.external.redis.existingSecret -}}{{ .Values.external.redis.urlKey }}
{{- else -}}redis-url
{{- end -}}
{{- end -}}

{{/* Addresses with passwords, as files; LOGSTREAM_..._FILE names them: (list secret key path). */}}
{{- define "logstream.secretFile" -}}
- secret: {name: {{ index . 0 }}, items: [{key: {{ index . 1 }}, path: {{ index . 2 }}}]}
{{- end -}}

{{/* The value of a key that a Secret of the cluster has, else a new one. A plain `helm template` has no cluster to look in:
     there every render makes new ones, hence existingSecret. (list $ secret key). */}}
{{- define "logstream.keptOrNew" -}}
{{- $secret := lookup "v1" "Secret" (index . 0).Release.Namespace (index . 1) | default dict -}}
{{- $kept := index ($secret.data | default dict) (index . 2) -}}
{{- if $kept }}{{ $kept | b64dec }}{{ else }}{{ randAlphaNum 32 }}{{ end -}}
{{- end -}}

{{/* A server's settings without their comments, which are in the file itself, in deploy/. */}}
{{- define "logstream.settingsFile" -}}
{{- regexReplaceAll "(?m)^(#.*)?\\n" . "" | trim -}}
{{- end -}}
