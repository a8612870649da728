{{/* Fields that all pods share. The Pod Security Standard "restricted" requires most of them. */}}

{{- define "logstream.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ int64 . }}
  runAsGroup: {{ int64 . }}
  fsGroup: {{ int64 . }}
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{/* The same for a pod with a persistent volume. The group is set only on a new volume: servers refuse to start when others may
     read their files. */}}
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

{{/* No pod uses the Kubernetes API. Service links would add environment variables that could be mistaken for settings. */}}
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

{{/* Placement of pods: (list $ "gateway" .Values.gateway). Servers run one pod, so they have no spread constraints. */}}
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

{{/* Labels and annotations of a component's pods: (list $ "gateway" .Values.gateway). The labels contain no version, which would
     restart every pod with every release of the chart. A changed address of an external server restarts the pods, because
     they read it only at start. */}}
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

{{/* Environment variables from settings and extraEnv: .Values.gateway. Numbers go through JSON, which writes large ones without
     an exponent. */}}
{{- define "logstream.environment" -}}
{{- range $name, $value := .settings }}
- name: {{ $name }}
  value: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }}
{{- end }}
{{- with .extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
