<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: GPL-2.0-or-later -->
<!-- The metadata of an agent as a manual page. Parameter: lang, "en" or "ja". -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output method="text" encoding="UTF-8"/>
  <xsl:param name="lang" select="'en'"/>
  <xsl:variable name="agent" select="/resource-agent/@name"/>

  <!-- Text for roff: a line must not start with a dot or a quote, and a backslash is doubled. -->
  <xsl:template name="escape">
    <xsl:param name="text"/>
    <xsl:choose>
      <xsl:when test="contains($text, '\')">
        <xsl:value-of select="substring-before($text, '\')"/>
        <xsl:text>\e</xsl:text>
        <xsl:call-template name="escape">
          <xsl:with-param name="text" select="substring-after($text, '\')"/>
        </xsl:call-template>
      </xsl:when>
      <xsl:otherwise><xsl:value-of select="$text"/></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template name="paragraph">
    <xsl:param name="text"/>
    <xsl:text>\&amp;</xsl:text>
    <xsl:call-template name="escape">
      <xsl:with-param name="text" select="normalize-space($text)"/>
    </xsl:call-template>
    <xsl:text>&#10;</xsl:text>
  </xsl:template>

  <xsl:template match="/resource-agent">
    <xsl:text>.\" Made from the metadata of </xsl:text>
    <xsl:value-of select="$agent"/>
    <xsl:text>; SPDX-License-Identifier: GPL-2.0-or-later&#10;.TH OCF_AWS_</xsl:text>
    <xsl:value-of select="translate($agent, 'abcdefghijklmnopqrstuvwxyz',
                                            'ABCDEFGHIJKLMNOPQRSTUVWXYZ')"/>
    <xsl:text> 7 "" "ocf-aws </xsl:text>
    <xsl:value-of select="@version"/>
    <xsl:text>" "OCF resource agents"&#10;.SH NAME&#10;ocf_aws_</xsl:text>
    <xsl:value-of select="$agent"/>
    <xsl:text> \- </xsl:text>
    <xsl:value-of select="shortdesc"/>
    <xsl:text>&#10;.SH SYNOPSIS&#10;.B </xsl:text>
    <xsl:value-of select="$agent"/>
    <xsl:text>&#10;</xsl:text>
    <xsl:for-each select="actions/action[not(@name = preceding-sibling::action/@name)]">
      <xsl:if test="position() &gt; 1"><xsl:text>|&#10;</xsl:text></xsl:if>
      <xsl:text>.B </xsl:text><xsl:value-of select="@name"/><xsl:text>&#10;</xsl:text>
    </xsl:for-each>
    <xsl:text>.SH DESCRIPTION&#10;</xsl:text>
    <xsl:call-template name="paragraph">
      <xsl:with-param name="text" select="longdesc"/>
    </xsl:call-template>
    <xsl:text>.SH PARAMETERS&#10;</xsl:text>
    <xsl:apply-templates select="parameters/parameter"/>
    <xsl:text>.SH ACTIONS&#10;</xsl:text>
    <xsl:apply-templates select="actions/action"/>
    <xsl:text>.SH EXAMPLE&#10;.nf&#10;pcs resource create NAME ocf:aws:</xsl:text>
    <xsl:value-of select="$agent"/>
    <xsl:for-each select="parameters/parameter[@required = '1']">
      <xsl:value-of select="concat(' ', @name, '=VALUE')"/>
    </xsl:for-each>
    <xsl:text>&#10;.fi&#10;.SH SEE ALSO&#10;.BR pcs (8),&#10;.BR crm_resource (8),&#10;.BR crm_mon (8)&#10;</xsl:text>
  </xsl:template>

  <xsl:template match="parameter">
    <xsl:text>.TP&#10;.B </xsl:text>
    <xsl:value-of select="@name"/>
    <xsl:text>&#10;</xsl:text>
    <xsl:call-template name="paragraph">
      <xsl:with-param name="text" select="longdesc[@lang = $lang]"/>
    </xsl:call-template>
    <xsl:text>.br&#10;(</xsl:text>
    <xsl:value-of select="content/@type"/>
    <xsl:if test="@required = '1'">
      <xsl:choose>
        <xsl:when test="$lang = 'ja'">、必須</xsl:when>
        <xsl:otherwise>, required</xsl:otherwise>
      </xsl:choose>
    </xsl:if>
    <xsl:if test="@reloadable = '1'">
      <xsl:choose>
        <xsl:when test="$lang = 'ja'">、再起動せずに変更可能</xsl:when>
        <xsl:otherwise>, can be changed without a restart</xsl:otherwise>
      </xsl:choose>
    </xsl:if>
    <xsl:text>)&#10;</xsl:text>
  </xsl:template>

  <xsl:template match="action">
    <xsl:text>.TP&#10;.B </xsl:text>
    <xsl:value-of select="@name"/>
    <xsl:text>&#10;timeout </xsl:text>
    <xsl:value-of select="@timeout"/>
    <xsl:if test="@interval"><xsl:value-of select="concat(', interval ', @interval)"/></xsl:if>
    <xsl:text>&#10;</xsl:text>
  </xsl:template>
</xsl:stylesheet>
