{{/* The chart's values laid over the defaults of the library. */}}
{{- define "osiris.values" -}}
{{- omit (mergeOverwrite (deepCopy .Values.defaults) (omit .Values "defaults")) "global" | toYaml -}}
{{- end -}}

{{/* The chart's name, also where the umbrella calls it azrPlanner, as the original's values did. */}}
{{- define "osiris.chart" -}}
{{- regexReplaceAll "([A-Z])" .Chart.Name "-${1}" | lower -}}
{{- end -}}

{{/* How the service is called in the mesh: azr_planner. */}}
{{- define "osiris.service" -}}
{{- include "osiris.chart" . | replace "-" "_" -}}
{{- end -}}

{{- define "osiris.name" -}}
{{- printf "%s-%s" .Release.Name (include "osiris.chart" .) | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "osiris.selector" -}}
app.kubernetes.io/name: {{ include "osiris.chart" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "osiris.labels" -}}
{{ include "osiris.selector" . }}
app.kubernetes.io/part-of: osiris
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (include "osiris.chart" .) .Chart.Version }}
{{- end -}}

{{- define "osiris.metadata" -}}
name: {{ include "osiris.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "osiris.labels" . | nindent 2 }}
{{- end -}}

{{/* Of the image: by digest where one is given. Takes [root, values, name in the registry]. */}}
{{- define "osiris.image" -}}
{{- $root := index . 0 -}}
{{- $image := (index . 1).image -}}
{{- $global := (($root.Values.global).image) | default dict -}}
{{- $repository := $image.repository | default (printf "osiris/%s" (index . 2)) -}}
{{- $full := ternary (printf "%s/%s" $global.registry $repository) $repository (not (empty $global.registry)) -}}
{{- if $image.digest -}}
{{ $full }}@{{ $image.digest }}
{{- else -}}
{{ $full }}:{{ $image.tag | default $global.tag | default $root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* host:port of Redis as other pods name it. */}}
{{- define "osiris.redisAddress" -}}
{{- (((.Values.global).redis).address) | default (printf "%s-redis.%s.svc:6379" .Release.Name .Release.Namespace) -}}
{{- end -}}
