{{/* The pod of a service. Takes [root, values, name of the image, restart policy]. */}}
{{- define "osiris.pod" -}}
{{- $root := index . 0 -}}
{{- $v := index . 1 -}}
{{- $restart := index . 3 -}}
{{- $service := include "osiris.service" $root -}}
{{- $global := $root.Values.global | default dict -}}
{{- $ca := ($global.redis).caSecret -}}
metadata:
  labels:
    {{- include "osiris.labels" $root | nindent 4 }}
    osiris/mesh: "true"
    {{- with $v.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with $v.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "osiris.name" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false  # a Service osiris-gateway would set OSIRIS_GATEWAY_PORT
  terminationGracePeriodSeconds: {{ add $v.drainSeconds $v.preStopSeconds 20 }}
  restartPolicy: {{ $restart }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  {{- with $v.image.pullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.gpu.runtimeClass }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- with $v.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  containers:
    - name: {{ include "osiris.chart" $root }}
      image: {{ include "osiris.image" (list $root $v (index . 2)) | quote }}
      imagePullPolicy: {{ $v.image.pullPolicy }}
      {{- with $v.args }}
      args: {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      env:
        - name: OSIRIS_REDIS_URL
          valueFrom: {secretKeyRef: {name: {{ $v.redis.secret | default (printf "osiris-redis-%s" (include "osiris.chart" $root)) }}, key: OSIRIS_REDIS_URL}}
        - {name: OSIRIS_PORT, value: {{ $v.port | quote }}}
        - {name: OSIRIS_DRAIN_SECONDS, value: {{ $v.drainSeconds | quote }}}
        {{- with ($global.otlp).endpoint }}
        - {name: OSIRIS_OTLP_ENDPOINT, value: {{ . | quote }}}
        {{- end }}
        {{- range $name, $value := mergeOverwrite (deepCopy ($global.env | default dict)) $v.env }}
        - {name: {{ $name }}, value: {{ $value | toString | quote }}}
        {{- end }}
        {{- range $name, $from := $v.secretEnv }}
        - name: {{ $name }}
          valueFrom: {secretKeyRef: {name: {{ $from.secret }}, key: {{ $from.key }}}}
        {{- end }}
      {{- if eq $restart "Always" }}
      ports:
        - {name: http, containerPort: {{ $v.port }}, protocol: TCP}
      startupProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 2
        timeoutSeconds: 3
        failureThreshold: {{ div (add $v.startSeconds 1) 2 }}
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 5
        timeoutSeconds: 3
      livenessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      {{- if $v.preStopSeconds }}
      lifecycle: {preStop: {sleep: {seconds: {{ $v.preStopSeconds }}}}}
      {{- end }}
      {{- end }}
      resources:
        {{- $gpus := ternary (dict $v.gpu.resource ($v.gpu.count | toString)) dict (gt (int $v.gpu.count) 0) }}
        requests: {{- toYaml (merge (deepCopy ($v.resources.requests | default dict)) $gpus) | nindent 10 }}
        limits: {{- toYaml (merge (deepCopy ($v.resources.limits | default dict)) $gpus) | nindent 10 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: home, mountPath: /app/home}
        {{- if $v.mountModels }}
        - {name: models, mountPath: /app/models}
        {{- end }}
        {{- range $name, $volume := $v.persistence }}
        - {name: {{ $name }}, mountPath: {{ $volume.path }}}
        {{- end }}
        {{- range $name, $files := $v.secretFiles }}
        - {name: {{ $name }}, mountPath: {{ $files.path }}, readOnly: true}
        {{- end }}
        {{- if $ca }}
        - {name: redis-ca, mountPath: /etc/osiris/redis-ca, readOnly: true}
        {{- end }}
  volumes:
    - {name: tmp, emptyDir: {sizeLimit: 1Gi}}
    - {name: home, emptyDir: {}}
    {{- if $v.mountModels }}
    - name: models
      {{- if ($global.models).claim }}
      persistentVolumeClaim: {claimName: {{ $global.models.claim }}}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- end }}
    {{- range $name, $volume := $v.persistence }}
    - name: {{ $name }}
      persistentVolumeClaim: {claimName: {{ $volume.existingClaim | default (printf "%s-%s" (include "osiris.name" $root) $name) }}}
    {{- end }}
    {{- range $name, $files := $v.secretFiles }}
    - {name: {{ $name }}, secret: {secretName: {{ $files.secret }}, defaultMode: 0440}}
    {{- end }}
    {{- if $ca }}
    - {name: redis-ca, secret: {secretName: {{ $ca }}}}
    {{- end }}
  {{- with $v.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if and $v.topologySpread (eq $restart "Always") (eq $v.workload "Deployment") }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "osiris.selector" $root | nindent 10 }}
  {{- end }}
{{- end -}}
