{{/* The name of everything of one release; a release called postmqtt names them after itself. */}}
{{- define "postmqtt.name" -}}
{{- if contains "postmqtt" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-postmqtt" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{/* What pods are selected by. Called with a dictionary: root, component. */}}
{{- define "postmqtt.selector" -}}
app.kubernetes.io/name: postmqtt
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "postmqtt.labels" -}}
{{ include "postmqtt.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Called with a dictionary: root, image. */}}
{{- define "postmqtt.image" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* The Secret with the broker's password, or nothing. */}}
{{- define "postmqtt.passwordSecret" -}}
{{- if .Values.broker.passwordSecret }}{{ .Values.broker.passwordSecret }}{{ else if .Values.broker.password }}{{ include "postmqtt.name" . }}-broker{{ end -}}
{{- end }}

{{/* No root, no shell, nothing to write to. */}}
{{- define "postmqtt.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "postmqtt.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65534
runAsGroup: 65534
seccompProfile: { type: RuntimeDefault }
{{- end }}
