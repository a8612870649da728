{{/* Secrets and keys with the addresses of TimescaleDB, RabbitMQ and Redis, in this chart or outside. */}}

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

{{/* An address with its password, as a file for LOGSTREAM_..._FILE: (list secret key path). */}}
{{- define "logstream.secretFile" -}}
- secret:
    name: {{ index . 0 }}
    items:
      - key: {{ index . 1 }}
        path: {{ index . 2 }}
{{- end -}}

{{/* A key's value in a Secret of the cluster, or a new random one: (list $ secret key). A plain `helm template` cannot read the
     cluster and renders a new one each time; use existingSecret there. */}}
{{- define "logstream.keptOrNew" -}}
{{- $secret := lookup "v1" "Secret" (index . 0).Release.Namespace (index . 1) | default dict -}}
{{- $kept := index ($secret.data | default dict) (index . 2) -}}
{{- if $kept }}{{ $kept | b64dec }}{{ else }}{{ randAlphaNum 32 }}{{ end -}}
{{- end -}}

{{/* A size such as 20Gi in bytes. */}}
{{- define "logstream.bytes" -}}
{{- $unit := regexFind "[A-Za-z]*$" . -}}
{{- $factors := dict "m" 1e-3 "k" 1e3 "K" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 -}}
{{- mulf (trimSuffix $unit . | float64) (get $factors $unit | default 1) | floor | int64 -}}
{{- end -}}

{{/* Share of the database's volume for the write-ahead log: max_wal_size of files/postgresql.conf, or a fifth of a volume
     smaller than 20 GiB. */}}
{{- define "logstream.walBytes" -}}
{{- min 4294967296 (div (include "logstream.bytes" .Values.timescaledb.persistence.size) 5) -}}
{{- end -}}

{{/* Default of LOGSTREAM_RETENTION_BYTES: 70 % of the rest of the volume. See docs/operations/retention.md. */}}
{{- define "logstream.retentionBytes" -}}
{{- div (mul 7 (sub (include "logstream.bytes" .Values.timescaledb.persistence.size) (include "logstream.walBytes" .))) 10 -}}
{{- end -}}

{{/* Whether the chart's default of LOGSTREAM_RETENTION_BYTES applies: "true" or nothing. */}}
{{- define "logstream.ownRetentionBytes" -}}
{{- $given := hasKey .Values.writer.settings "LOGSTREAM_RETENTION_BYTES" -}}
{{- range .Values.writer.extraEnv }}{{ if eq .name "LOGSTREAM_RETENTION_BYTES" }}{{ $given = true }}{{ end }}{{ end -}}
{{- if and .Values.timescaledb.enabled (not $given) }}true{{ end -}}
{{- end -}}

{{/* A server's settings without their comments, which are in the file itself, in deploy/. */}}
{{- define "logstream.settingsFile" -}}
{{- regexReplaceAll "(?m)^(#.*)?\\n" . "" | trim -}}
{{- end -}}
