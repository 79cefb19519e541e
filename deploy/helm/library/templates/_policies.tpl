{{- define "osiris.policies" -}}
{{- $v := include "osiris.values" . | fromYaml -}}
{{- $global := .Values.global | default dict -}}
{{- $selector := include "osiris.selector" . -}}
{{- if and $v.pdb.enabled (eq $v.workload "Deployment") }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "osiris.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ $v.pdb.maxUnavailable }}
  selector:
    matchLabels:
      {{- $selector | nindent 6 }}
---
{{- end }}
{{- if $v.networkPolicy.enabled }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "osiris.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- $selector | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- if $v.networkPolicy.public }}
    - ports: [{port: {{ $v.port }}, protocol: TCP}]
    {{- else }}
    - from:
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ ($global.monitoring).namespace | default "monitoring" }}}}
      ports: [{port: {{ $v.port }}, protocol: TCP}]
    {{- end }}
  egress:
    - ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
    {{- if ($global.redis).address }}
    - ports: [{port: {{ $global.redis.address | splitList ":" | last | int }}, protocol: TCP}]
      {{- with $global.redis.cidr }}
      to: [{ipBlock: {cidr: {{ . }}}}]
      {{- end }}
    {{- else }}
    - to: [{podSelector: {matchLabels: {app.kubernetes.io/name: redis, app.kubernetes.io/instance: {{ .Release.Name }}}}}]
      ports: [{port: 6379, protocol: TCP}]
    {{- end }}
    {{- with $global.otlp }}
    {{- if .endpoint }}
    - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ .namespace | default "monitoring" }}}}}]
      ports: [{port: {{ .port | default 4318 }}, protocol: TCP}]
    {{- end }}
    {{- end }}
    {{- with $v.networkPolicy.extraEgress }}{{ toYaml . | nindent 4 }}{{ end }}
---
{{- end }}
{{- if ($global.monitoring).enabled }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "osiris.metadata" . | nindent 2 }}
    {{- with $v.serviceMonitor.labels }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  selector:
    matchLabels:
      {{- $selector | nindent 6 }}
  endpoints:
    - {port: http, path: /metrics, interval: {{ $v.serviceMonitor.interval }}}
---
{{- end }}
{{- if and ($global.keda).enabled $v.keda.streams (eq $v.workload "Deployment") }}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  {{- include "osiris.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {name: {{ include "osiris.name" . }}}
  minReplicaCount: {{ $v.keda.min }}
  maxReplicaCount: {{ $v.keda.max }}
  cooldownPeriod: {{ $v.keda.cooldownSeconds }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior: {scaleDown: {stabilizationWindowSeconds: {{ $v.keda.cooldownSeconds }}, policies: [{type: Pods, value: 1, periodSeconds: 60}]}}
  triggers:
    {{- range $v.keda.streams }}
    - type: redis-streams
      metadata:
        address: {{ include "osiris.redisAddress" $ }}
        stream: {{ . | quote }}
        consumerGroup: {{ $v.keda.group | default (include "osiris.service" $) }}
        lagCount: {{ $v.keda.lag | toString | quote }}
        activationLagCount: "1"  # KEDA 2.11 to 2.15 want one, 2.16 wants it above 0; it counts from no worker to the first
        enableTLS: {{ ((($global.redis).tls) | default false) | toString | quote }}
      authenticationRef: {name: {{ include "osiris.name" $ }}}
    {{- end }}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata:
  {{- include "osiris.metadata" . | nindent 2 }}
spec:
  secretTargetRef:
    {{- $scaler := ($global.keda).secret | default "osiris-redis-scaler" }}
    - {parameter: username, name: {{ $scaler }}, key: username}
    - {parameter: password, name: {{ $scaler }}, key: password}
    {{- with ($global.redis).caSecret }}
    - {parameter: ca, name: {{ . }}, key: ca.crt}
    {{- end }}
{{- end }}
{{- end -}}
