{{/* All that a service's chart renders. */}}
{{- define "osiris.all" -}}
{{ include "osiris.workload" . }}
---
{{ include "osiris.policies" . }}
{{- end -}}
