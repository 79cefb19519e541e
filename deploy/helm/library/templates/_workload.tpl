{{- define "osiris.workload" -}}
{{- $v := include "osiris.values" . | fromYaml -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "osiris.metadata" . | nindent 2 }}
automountServiceAccountToken: false
---
apiVersion: apps/v1
kind: {{ $v.workload }}
metadata:
  {{- include "osiris.metadata" . | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "osiris.selector" . | nindent 6 }}
  {{- if eq $v.workload "Deployment" }}
  {{- if not (or (and ((.Values.global).keda).enabled $v.keda.streams) ($v.hpa).enabled) }}
  replicas: {{ $v.replicas }}
  {{- end }}
  strategy:
    {{- if $v.persistence }}
    type: Recreate  # one pod at a time holds the volume
    {{- else }}
    type: RollingUpdate
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
    {{- end }}
  {{- end }}
  template:
    {{- include "osiris.pod" (list . $v (include "osiris.service" .) "Always") | nindent 4 }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "osiris.metadata" . | nindent 2 }}
  {{- with $v.service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $v.service.type }}
  selector:
    {{- include "osiris.selector" . | nindent 4 }}
  ports:
    - {name: http, port: {{ $v.port }}, targetPort: http, protocol: TCP}
{{- range $name, $volume := $v.persistence }}
{{- if not $volume.existingClaim }}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "osiris.name" $ }}-{{ $name }}
  namespace: {{ $.Release.Namespace }}
  labels:
    {{- include "osiris.labels" $ | nindent 4 }}
  annotations: {helm.sh/resource-policy: keep}  # what was learned outlives the release
spec:
  accessModes: [{{ $volume.accessMode | default "ReadWriteOnce" }}]
  {{- with $volume.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources: {requests: {storage: {{ $volume.size }}}}
{{- end }}
{{- end }}
{{- end -}}
