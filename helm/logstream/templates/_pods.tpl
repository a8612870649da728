{{/* What pods have in common. The Pod Security Standard "restricted" asks for most of it. */}}

{{- define "logstream.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ int64 . }}
  runAsGroup: {{ int64 . }}
  fsGroup: {{ int64 . }}
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{/* The same for a pod with a volume that lasts. Only a new one is given to the group, because servers refuse files of theirs
     that others may read. */}}
{{- define "logstream.serverSecurity" -}}
{{ include "logstream.podSecurity" . }}
  fsGroupChangePolicy: OnRootMismatch
{{- end -}}

{{- define "logstream.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop:
      - ALL
{{- end -}}

{{/* No pod of ours talks to Kubernetes; variables that it would make of Services could be taken for settings. */}}
{{- define "logstream.podIdentity" -}}
serviceAccountName: {{ include "logstream.fullname" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* (list $ "gateway" .Values.gateway); one pod of a server has no spread and no class. */}}
{{- define "logstream.scheduling" -}}
{{- $ := index . 0 -}}
{{- $component := index . 1 -}}
{{- $values := index . 2 -}}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if hasKey $values "topologySpreadConstraints" }}
topologySpreadConstraints:
  {{- if $values.topologySpreadConstraints }}
  {{- toYaml $values.topologySpreadConstraints | nindent 2 }}
  {{- else }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "logstream.selector" (list $ $component) | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* No version among the labels: it would restart every pod with every release of the chart. */}}
{{/* Labels and annotations of a component's pods: (list $ "gateway" .Values.gateway). Another address of an external server
     restarts them, because they read it when they start. */}}
{{- define "logstream.podMetadata" -}}
{{- $ := index . 0 -}}
{{- $values := index . 2 -}}
{{- $annotations := $values.podAnnotations | default dict -}}
{{- $outside := not (and $.Values.timescaledb.enabled $.Values.rabbitmq.enabled $.Values.redis.enabled) -}}
{{- if and $outside (has (index . 1) (list "gateway" "writer" "query" "stream")) -}}
{{- $annotations = merge (dict "checksum/addresses" ($.Values.external | toJson | sha256sum)) $annotations -}}
{{- end -}}
labels:
  {{- include "logstream.selector" (list (index . 0) (index . 1)) | nindent 2 }}
  {{- with $values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The settings of docs/configuration.md and whatever else: .Values.gateway. As JSON, because large numbers would otherwise be
     written with an exponent. */}}
{{- define "logstream.environment" -}}
{{- range $name, $value := .settings }}
- name: {{ $name }}
  value: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }}
{{- end }}
{{- with .extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
